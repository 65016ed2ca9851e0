-- The one way to accounts, sessions and refresh tokens: a call is a round trip and a transaction.
--
-- The functions belong to todo_auth and run as it. It sees the rows of every user, since an address
-- or a token is what a user is found by, so each function finds by a whole key and never by a part;
-- but for the one that drops what has expired, and tells nothing of it.
--
-- A refusal is an outcome and no error: what it brings with it, the end of a session, must be kept.
--
-- Whoever changes a session or its tokens locks the session's row first, so that one of many who
-- use a token at once is the first, and the others find what it did.
--
-- The database's clock decides what has expired and how long ago a token was spent, because there
-- is one of it. `p_issued_at` is by the caller's clock, by which access tokens are judged.

-- Null when the address has an account already, else the first session is open.
CREATE FUNCTION create_account(
    p_user_id text, p_email text, p_email_key text, p_name text, p_password_hash text,
    p_session_id text, p_token_hash bytea, p_issued_at timestamptz,
    p_token_seconds integer, p_session_seconds integer,
    OUT created_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
DECLARE
    opened_at timestamptz := clock_timestamp();
BEGIN
    -- One statement, at whose end the foreign key is checked: whose address is taken leaves no user.
    WITH account AS (
        INSERT INTO accounts AS a (user_id, email, email_key, name, password_hash, created_at, updated_at)
            VALUES (p_user_id, p_email, p_email_key, p_name, p_password_hash, opened_at, opened_at)
            ON CONFLICT (email_key) DO NOTHING
            RETURNING a.user_id, a.email, a.name
    )
    INSERT INTO users (id, email, name) SELECT * FROM account;
    IF FOUND THEN
        created_at := opened_at;
        PERFORM start_session(p_user_id, p_session_id, p_token_hash, p_issued_at, p_token_seconds, p_session_seconds);
    END IF;
END
$$;

-- All null where the address has no account.
CREATE FUNCTION find_account(
    p_email_key text,
    OUT user_id text, OUT email text, OUT name text, OUT created_at timestamptz, OUT password_hash text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT a.user_id, a.email, a.name, a.created_at, a.password_hash
        INTO user_id, email, name, created_at, password_hash
        FROM accounts a WHERE a.email_key = p_email_key;
END
$$;

-- False when there is no such account any more. `p_new_hash`, unless it is null, takes the place of
-- `p_password_hash` as long as that is still the one. The user has at most `p_sessions_max` sessions
-- afterwards: what has expired goes, then what was revoked, then the oldest.
CREATE FUNCTION open_session(
    p_user_id text, p_password_hash text, p_new_hash text,
    p_session_id text, p_token_hash bytea, p_issued_at timestamptz,
    p_token_seconds integer, p_session_seconds integer, p_sessions_max integer,
    OUT opened boolean
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
BEGIN
    -- One after another, or two that count at once would both find room.
    PERFORM FROM accounts a WHERE a.user_id = p_user_id FOR NO KEY UPDATE;
    opened := FOUND;
    IF NOT opened THEN
        RETURN;
    END IF;
    IF p_new_hash IS NOT NULL THEN
        UPDATE accounts a SET password_hash = p_new_hash, updated_at = clock_timestamp()
            WHERE a.user_id = p_user_id AND a.password_hash = p_password_hash;
    END IF;
    DELETE FROM sessions s WHERE s.user_id = p_user_id AND s.expires_at <= clock_timestamp();
    DELETE FROM sessions s WHERE s.user_id = p_user_id AND s.id = ANY (ARRAY(
        SELECT o.id FROM sessions o WHERE o.user_id = p_user_id
            ORDER BY o.revoked_at IS NULL DESC, o.created_at DESC, o.id OFFSET p_sessions_max - 1
    ));
    PERFORM start_session(p_user_id, p_session_id, p_token_hash, p_issued_at, p_token_seconds, p_session_seconds);
END
$$;

-- Drops a few sessions that have expired, whosever they are: as long as anybody signs in, there are
-- not more and more of those who don't come back.
CREATE FUNCTION start_session(
    p_user_id text, p_session_id text, p_token_hash bytea, p_issued_at timestamptz,
    p_token_seconds integer, p_session_seconds integer
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    opened_at timestamptz := clock_timestamp();
BEGIN
    PERFORM prune_sessions(2);
    INSERT INTO sessions (user_id, id, created_at, expires_at)
        VALUES (p_user_id, p_session_id, opened_at, opened_at + make_interval(secs => p_session_seconds));
    INSERT INTO refresh_tokens (hash, user_id, session_id, issued_at, expires_at)
        VALUES (
            p_token_hash, p_user_id, p_session_id, p_issued_at,
            opened_at + make_interval(secs => least(p_token_seconds, p_session_seconds))
        );
END
$$;

-- Drops at most so many sessions that have expired, of any users, with their tokens, and says how
-- many. A session that another transaction holds is left to it.
CREATE FUNCTION prune_sessions(p_limit bigint, OUT dropped bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
DECLARE
    due RECORD;
BEGIN
    dropped := 0;
    -- One by one, by its key: behind policies the planner may read the whole table for a join.
    FOR due IN
        SELECT s.user_id, s.id FROM sessions s WHERE s.expires_at <= statement_timestamp()
            ORDER BY s.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM sessions s WHERE s.user_id = due.user_id AND s.id = due.id;
        dropped := dropped + 1;
    END LOOP;
END
$$;

-- Spends a token for its child. `outcome`:
--   'rotated'   the child is new
--   'replayed'  it was spent for this child within the grace, and the child has not been used
--   'reused'    it was spent before: its session is revoked, if it was not already
--   'ended'     its session has been revoked, or has expired
--   'expired'   it was never used
--   'unknown'   there is no such token
--   'diverged'  as 'replayed', but for another child: the caller derives them by another secret
-- For the first two `issued_at` is the child's.
CREATE FUNCTION rotate(
    p_hash bytea, p_child_hash bytea, p_issued_at timestamptz, p_token_seconds integer, p_grace_seconds integer,
    OUT outcome text, OUT user_id text, OUT email text, OUT session_id text, OUT issued_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
DECLARE
    family sessions;
    parent refresh_tokens;
    child refresh_tokens;
    presented_at timestamptz;
BEGIN
    SELECT t.user_id, t.session_id INTO user_id, session_id FROM refresh_tokens t WHERE t.hash = p_hash;
    SELECT * INTO family FROM sessions s
        WHERE s.user_id = rotate.user_id AND s.id = rotate.session_id FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'unknown';
        RETURN;
    END IF;
    -- Both are read after the wait for the lock: they belong to this turn.
    presented_at := clock_timestamp();
    SELECT * INTO parent FROM refresh_tokens t WHERE t.hash = p_hash;
    IF family.revoked_at IS NOT NULL OR family.expires_at <= presented_at THEN
        outcome := 'ended';
        RETURN;
    END IF;
    IF parent.spent_at IS NULL AND parent.expires_at <= presented_at THEN
        outcome := 'expired';
        RETURN;
    END IF;
    IF parent.spent_at IS NULL THEN
        outcome := 'rotated';
        issued_at := p_issued_at;
        UPDATE refresh_tokens t SET spent_at = presented_at, child_hash = p_child_hash WHERE t.hash = p_hash;
        INSERT INTO refresh_tokens (hash, user_id, session_id, issued_at, expires_at)
            VALUES (
                p_child_hash, family.user_id, family.id, p_issued_at,
                least(presented_at + make_interval(secs => p_token_seconds), family.expires_at)
            );
    ELSE
        SELECT * INTO child FROM refresh_tokens t WHERE t.hash = parent.child_hash;
        outcome := CASE
            WHEN child.spent_at IS NOT NULL
                OR presented_at > parent.spent_at + make_interval(secs => p_grace_seconds) THEN 'reused'
            WHEN parent.child_hash <> p_child_hash THEN 'diverged'
            ELSE 'replayed'
        END;
        issued_at := child.issued_at;
        IF outcome = 'reused' THEN
            UPDATE sessions s SET revoked_at = presented_at WHERE s.user_id = family.user_id AND s.id = family.id;
        END IF;
    END IF;
    SELECT a.email INTO email FROM accounts a WHERE a.user_id = family.user_id;
END
$$;

-- Revokes a user's session, and that of a refresh token if it is the same user's; either may be null.
-- `ended` are the ids of those that had not been revoked before, separated by blanks.
CREATE FUNCTION end_sessions(p_user_id text, p_session_id text, p_hash bytea, OUT ended text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
BEGIN
    WITH revoked AS (
        UPDATE sessions s SET revoked_at = clock_timestamp()
            WHERE s.user_id = p_user_id AND s.revoked_at IS NULL AND (
                s.id = p_session_id OR s.id = (
                    SELECT t.session_id FROM refresh_tokens t WHERE t.hash = p_hash AND t.user_id = p_user_id
                )
            )
            RETURNING s.id
    )
    SELECT string_agg(id, ' ') INTO ended FROM revoked;
END
$$;

-- `p_sessions` and `alive` are JSON lists of pairs, a user's id and a session's. A session that
-- has been revoked, has expired or was never opened is not alive.
CREATE FUNCTION live_sessions(p_sessions text, OUT alive text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    -- Taken apart first: behind policies, only what can't tell of a row may choose an index. The
    -- planner doesn't know how few pairs there are, and would read the whole table for them.
    WITH pairs AS MATERIALIZED (
        SELECT pair ->> 0 AS user_id, pair ->> 1 AS id FROM json_array_elements(p_sessions::json) pair
    )
    SELECT coalesce(json_agg(json_build_array(s.user_id, s.id)), '[]') INTO alive
        FROM pairs p JOIN sessions s ON s.user_id = p.user_id AND s.id = p.id
        WHERE s.revoked_at IS NULL AND s.expires_at > clock_timestamp();
END
$$;
