-- A page of all tasks or of one status. `p_id` is null unless the page begins behind a position.
-- `items` is null when `p_known_versions` holds the version of the list; `end_id` is null on the
-- last page.
--
-- `enable_sort`: a generic plan takes the limit for a tenth of the rows, which it would rather sort.
CREATE FUNCTION {{name}}(
    p_user_id text, p_completed boolean, p_limit integer, p_offset bigint,
    p_key text, p_id bigint, p_known_versions bigint[],
    OUT items text, OUT total bigint, OUT version bigint, OUT end_key text, OUT end_id bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET enable_sort = off AS $$
DECLARE
    from_key {{type}} := {{start}};
    from_id bigint := {{start_id}};
    has_more boolean;
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT s.total, s.version INTO total, version FROM list_state(p_user_id, p_completed) s;
    IF version = ANY (p_known_versions) THEN
        RETURN;
    END IF;
    items := '[]';
    IF p_id IS NOT NULL THEN
        from_key := p_key;
        from_id := p_id;
    ELSIF p_offset > 0 THEN
        -- The index alone knows what to leave out; the rows are not read.
        SELECT t.{{column}}, t.id INTO from_key, from_id
            FROM tasks t WHERE t.user_id = p_user_id AND {{status}}
            ORDER BY t.{{column}} {{order}}, t.id {{order}} LIMIT 1 OFFSET p_offset - 1;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    SELECT '[' || coalesce(string_agg(item_json(part::tasks), ','), '') || ']',
            (array_agg(part.{{column}}))[p_limit], (array_agg(part.id))[p_limit]
        INTO items, from_key, from_id FROM (
            SELECT * FROM tasks t WHERE t.user_id = p_user_id AND {{status}}
                AND (t.{{column}}, t.id) {{behind}} (from_key, from_id)
            ORDER BY t.{{column}} {{order}}, t.id {{order}} LIMIT p_limit
        ) part;
    -- A full page may be the last one. Behind an offset it takes no look to know.
    IF p_id IS NULL THEN
        has_more := total - p_limit > p_offset;
    ELSE
        PERFORM FROM tasks t WHERE t.user_id = p_user_id AND {{status}}
            AND (t.{{column}}, t.id) {{behind}} (from_key, from_id)
            ORDER BY t.{{column}} {{order}}, t.id {{order}} LIMIT 1;
        has_more := FOUND;
    END IF;
    IF has_more THEN
        end_id := from_id;
        end_key := {{spelled}};
    END IF;
END
$$;
