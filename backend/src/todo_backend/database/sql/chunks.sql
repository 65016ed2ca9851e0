-- A list from end to end, a chunk at a time: each call goes on after the last task of the chunk
-- before, so nobody holds a connection or a snapshot while a slow client reads. A task that is there
-- throughout comes once, whatever is created or deleted meanwhile; one that is renamed or completed
-- on the way comes where it stands at that moment, or not at all.
--
-- At most `p_size` tasks after the first `p_offset` of those that follow (`p_after_…`), which are
-- null for the first chunk. Newest first, or by title with `p_by_title`: then `…_key` is the title's
-- key, and otherwise `…_at` is the time of creation. `last_…` are null where nothing follows. `items`
-- has commas between the tasks; it is null when `p_known_versions` holds the version of the list.
--
-- The plans are those of the indexes in any case: to the planner, who doesn't know how few tasks are
-- wanted, sorting all of a user's tasks for each chunk may look cheaper.
CREATE FUNCTION list_chunk(
    p_user_id text, p_completed boolean, p_by_title boolean, p_size integer, p_offset bigint,
    p_known_versions bigint[], p_after_at timestamptz, p_after_key text, p_after_id bigint,
    OUT items text, OUT count integer, OUT last_at timestamptz, OUT last_key text, OUT last_id bigint,
    OUT total bigint, OUT version bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan
SET enable_sort = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    tasks_json text[];
    moments timestamptz[];
    keys text[];
    ids bigint[];
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT s.total, s.version INTO total, version FROM list_state(p_user_id, p_completed) s;
    IF version = ANY (p_known_versions) THEN
        RETURN;
    END IF;
    -- Before the first of all: no moment is later, and no title and no id are as small.
    p_after_at := coalesce(p_after_at, 'infinity');
    p_after_key := coalesce(p_after_key, '');
    p_after_id := coalesce(p_after_id, 0);
    -- One task more than wanted tells whether anything follows.
    IF p_by_title AND p_completed IS NULL THEN
        SELECT array_agg(item_json(chunk::tasks)), array_agg(chunk.title_key), array_agg(chunk.id)
            INTO tasks_json, keys, ids FROM (
            SELECT * FROM tasks t WHERE t.user_id = p_user_id
                AND (t.title_key, t.id) > (p_after_key, p_after_id)
            ORDER BY t.title_key, t.id LIMIT p_size + 1 OFFSET p_offset
        ) chunk;
    ELSIF p_by_title THEN
        SELECT array_agg(item_json(chunk::tasks)), array_agg(chunk.title_key), array_agg(chunk.id)
            INTO tasks_json, keys, ids FROM (
            SELECT * FROM tasks t WHERE t.user_id = p_user_id AND t.completed = p_completed
                AND (t.title_key, t.id) > (p_after_key, p_after_id)
            ORDER BY t.title_key, t.id LIMIT p_size + 1 OFFSET p_offset
        ) chunk;
    ELSIF p_completed IS NULL THEN
        SELECT array_agg(item_json(chunk::tasks)), array_agg(chunk.created_at), array_agg(chunk.id)
            INTO tasks_json, moments, ids FROM (
            SELECT * FROM tasks t WHERE t.user_id = p_user_id
                AND (t.created_at, t.id) < (p_after_at, p_after_id)
            ORDER BY t.created_at DESC, t.id DESC LIMIT p_size + 1 OFFSET p_offset
        ) chunk;
    ELSE
        SELECT array_agg(item_json(chunk::tasks)), array_agg(chunk.created_at), array_agg(chunk.id)
            INTO tasks_json, moments, ids FROM (
            SELECT * FROM tasks t WHERE t.user_id = p_user_id AND t.completed = p_completed
                AND (t.created_at, t.id) < (p_after_at, p_after_id)
            ORDER BY t.created_at DESC, t.id DESC LIMIT p_size + 1 OFFSET p_offset
        ) chunk;
    END IF;
    count := least(p_size, coalesce(cardinality(ids), 0));
    items := coalesce(array_to_string(tasks_json[:p_size], ','), '');
    IF cardinality(ids) > p_size THEN
        last_at := moments[p_size];
        last_key := keys[p_size];
        last_id := ids[p_size];
    END IF;
END
$$;
