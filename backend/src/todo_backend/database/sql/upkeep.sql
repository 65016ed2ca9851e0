-- What nobody waits for. It sees whose rows are due, and takes each as that user: the policies let
-- nothing else be dropped.

-- Drops at most so many keys that have expired, of any users, and says how many it has dropped.
CREATE FUNCTION prune_keys(p_limit bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET lock_timeout = '3s' AS $$
DECLARE
    owner text;
    dropped bigint := 0;
BEGIN
    FOREACH owner IN ARRAY ARRAY(SELECT owners_of_expired_keys(p_limit)) LOOP
        EXIT WHEN dropped >= p_limit;
        PERFORM set_config('app.user_id', owner, true);
        dropped := dropped + drop_expired_keys(owner, p_limit - dropped);
    END LOOP;
    RETURN dropped;
END
$$;
