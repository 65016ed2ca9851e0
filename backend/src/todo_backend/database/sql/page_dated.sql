-- As page.sql, where the order is that of a date that some tasks don't have. Those come last in
-- either direction, which no index does: so two sections are read, the second where the page has
-- room for it. A position with an id and no key is in the second one.
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
    from_undated bigint := {{start_id}};
    dated text;
    undated text;
    found_dated integer := 0;
    to_skip bigint := 0;
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT s.total, s.version INTO total, version FROM list_state(p_user_id, p_completed) s;
    IF version = ANY (p_known_versions) THEN
        RETURN;
    END IF;
    IF p_id IS NOT NULL THEN
        from_key := p_key;
        from_id := p_id;
        from_undated := CASE WHEN p_key IS NULL THEN p_id ELSE from_undated END;
    ELSIF p_offset > 0 THEN
        SELECT t.{{column}}, t.id INTO from_key, from_id
            FROM tasks t WHERE t.user_id = p_user_id AND {{status}} AND t.{{column}} IS NOT NULL
            ORDER BY t.{{column}} {{order}}, t.id {{order}} LIMIT 1 OFFSET p_offset - 1;
        IF NOT FOUND THEN
            to_skip := p_offset - (
                SELECT count(*) FROM tasks t
                WHERE t.user_id = p_user_id AND {{status}} AND t.{{column}} IS NOT NULL
            );
        END IF;
    END IF;
    IF from_key IS NOT NULL THEN
        SELECT string_agg(item_json(part::tasks), ','), count(*),
                (array_agg(part.{{column}}))[p_limit], (array_agg(part.id))[p_limit]
            INTO dated, found_dated, from_key, from_id FROM (
                SELECT * FROM tasks t WHERE t.user_id = p_user_id AND {{status}}
                    AND (t.{{column}}, t.id) {{behind}} (from_key, from_id)
                ORDER BY t.{{column}} {{order}}, t.id {{order}} LIMIT p_limit
            ) part;
    END IF;
    IF found_dated < p_limit THEN
        SELECT string_agg(item_json(part::tasks), ','), (array_agg(part.id))[p_limit - found_dated]
            INTO undated, from_undated FROM (
                SELECT * FROM tasks t WHERE t.user_id = p_user_id AND {{status}}
                    AND t.{{column}} IS NULL AND t.id {{behind}} from_undated
                ORDER BY t.{{column}} {{order}}, t.id {{order}}
                LIMIT p_limit - found_dated OFFSET to_skip
            ) part;
        from_id := from_undated;
    ELSE
        PERFORM FROM tasks t WHERE t.user_id = p_user_id AND {{status}}
            AND (t.{{column}}, t.id) {{behind}} (from_key, from_id)
            ORDER BY t.{{column}} {{order}}, t.id {{order}} LIMIT 1;
        end_id := CASE WHEN FOUND THEN from_id END;
    END IF;
    items := '[' || concat_ws(',', dated, undated) || ']';
    -- A full page, and no dated task behind it: is it the last one?
    IF end_id IS NULL THEN
        PERFORM FROM tasks t WHERE t.user_id = p_user_id AND {{status}}
            AND t.{{column}} IS NULL AND t.id {{behind}} from_undated
            ORDER BY t.{{column}} {{order}}, t.id {{order}} LIMIT 1;
        end_id := CASE WHEN FOUND THEN from_id END;
    END IF;
    IF end_id IS NOT NULL THEN
        end_key := {{spelled}};
    END IF;
END
$$;
