-- What todo_lookup owns of the upkeep: only todo_app may call it.

-- The owners of keys that have expired, longest ago first: of at most so many keys.
CREATE FUNCTION owners_of_expired_keys(p_limit bigint) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = {{search_path}} AS $$
    SELECT DISTINCT k.user_id FROM (
        SELECT e.user_id FROM idempotency_keys e WHERE e.expires_at <= statement_timestamp()
            ORDER BY e.expires_at LIMIT p_limit
    ) k
$$;
