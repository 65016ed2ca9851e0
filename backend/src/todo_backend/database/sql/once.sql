-- A creation that its client may send again: the key's row is written in the task's own transaction,
-- so there is never a task without it, nor a key without the task that it led to.

-- What stands for a user's key while its first request runs: half of a SHA-256, so nobody can make
-- up a key that gets in the way of somebody else's. No key has a blank in it.
CREATE FUNCTION lock_of(p_user_id text, p_key text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT ('x' || left(encode(sha256(convert_to(
        'todo-backend idempotency_keys ' || p_key || ' ' || p_user_id, 'UTF8'
    )), 'hex'), 16))::bit(64)::bigint
$$;

-- As create_task, and once for a key: for 24 hours it brings what its first request has brought.
-- `outcome`: 'created'; 'replayed'; 'reused' when the key's request was another one; 'running' when
-- it has not ended yet. A request that fails leaves no key behind.
CREATE FUNCTION create_task_once(
    p_user_id text, p_email text, p_name text, p_key text, p_fingerprint bytea,
    p_title text, p_description text, p_priority smallint, p_due_date timestamptz,
    OUT outcome text, OUT body text, OUT id bigint, OUT version bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
DECLARE
    earlier idempotency_keys;
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    -- Held until the transaction has ended: who gets it sees the row of whoever had it before.
    IF NOT pg_try_advisory_xact_lock(lock_of(p_user_id, p_key)) THEN
        outcome := 'running';
        RETURN;
    END IF;
    SELECT * INTO earlier FROM idempotency_keys k WHERE k.user_id = p_user_id AND k.key = p_key;
    IF earlier.expires_at > clock_timestamp() THEN
        outcome := CASE WHEN earlier.fingerprint = p_fingerprint THEN 'replayed' ELSE 'reused' END;
        IF outcome = 'replayed' THEN
            body := earlier.body;
            id := earlier.task_id;
            version := earlier.version;
        END IF;
        RETURN;
    END IF;
    -- Before the counter is locked, so that nobody who holds it waits for a key.
    IF earlier.key IS NOT NULL THEN
        DELETE FROM idempotency_keys k WHERE k.user_id = p_user_id AND k.key = p_key;
    END IF;
    -- More than one of the expired at a time, so that they become fewer.
    PERFORM drop_expired_keys(p_user_id, 10);
    SELECT t.body, t.id, t.version INTO body, id, version
        FROM create_task(p_user_id, p_email, p_name, p_title, p_description, p_priority, p_due_date) t;
    outcome := 'created';
    INSERT INTO idempotency_keys (user_id, key, fingerprint, body, task_id, version, expires_at)
        VALUES (p_user_id, p_key, p_fingerprint, body, id, version, clock_timestamp() + interval '24 hours');
END
$$;
