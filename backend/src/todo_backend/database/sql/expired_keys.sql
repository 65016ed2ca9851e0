-- Drops at most so many of a user's keys that have expired, and says how many. Rows that another
-- transaction is dropping are left to it.
CREATE FUNCTION drop_expired_keys(p_user_id text, p_limit bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    dropped bigint;
BEGIN
    DELETE FROM idempotency_keys k WHERE k.user_id = p_user_id AND k.key = ANY (ARRAY(
        SELECT k.key FROM idempotency_keys k
            WHERE k.user_id = p_user_id AND k.expires_at <= statement_timestamp()
            ORDER BY k.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END
$$;
