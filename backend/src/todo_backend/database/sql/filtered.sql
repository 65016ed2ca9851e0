-- A page of what the filters let through; null is no filter. Parameters and results are otherwise
-- those of page.sql. `p_patterns` are for LIKE, one for each word.
--
-- One look at the user's tasks both counts and finds. It is planned for the values at hand: filters
-- that aren't set leave the statement, and narrow ones can use an index.
CREATE FUNCTION {{name}}(
    p_user_id text, p_completed boolean, p_priorities smallint[],
    p_due_after timestamptz, p_due_before timestamptz, p_overdue boolean, p_patterns text[],
    p_limit integer, p_offset bigint, p_key text, p_id bigint, p_known_versions bigint[],
    OUT items text, OUT total bigint, OUT version bigint, OUT end_key text, OUT end_id bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    from_key {{type}} := p_key;
    has_more boolean;
    -- In small letters as the database knows them, like what they are held against.
    patterns text[] := (SELECT array_agg(lower(pattern)) FROM unnest(p_patterns) pattern);
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT s.version INTO version FROM list_state(p_user_id, NULL) s;
    IF version = ANY (p_known_versions) THEN
        RETURN;
    END IF;
    WITH matching AS MATERIALIZED (
        SELECT t.id, t.{{column}} AS key FROM tasks t WHERE t.user_id = p_user_id
            AND (p_completed IS NULL OR t.completed = p_completed)
            AND (p_priorities IS NULL OR t.priority = ANY (p_priorities))
            AND (p_due_after IS NULL OR t.due_date > p_due_after)
            AND (p_due_before IS NULL OR t.due_date < p_due_before)
            AND (NOT p_overdue OR t.due_date < now() AND NOT t.completed)
            -- No word has white space in it, so none reaches from the title into the description.
            AND (patterns IS NULL OR t.title_key || E'\n' || lower(coalesce(t.description, ''))
                COLLATE "C" LIKE ALL (patterns))
    ), part AS (
        SELECT ordered.*, row_number() OVER () AS place FROM (
            SELECT m.id, m.key FROM matching m
            WHERE p_id IS NULL OR CASE
                WHEN from_key IS NULL THEN m.key IS NULL AND m.id {{behind}} p_id
                ELSE m.key IS NULL OR (m.key, m.id) {{behind}} (from_key, p_id)
            END
            -- One more than the page has room for: without it, the page is the last one.
            ORDER BY m.key {{order}} NULLS LAST, m.id {{order}} LIMIT p_limit + 1 OFFSET p_offset
        ) ordered
    )
    SELECT (SELECT count(*) FROM matching),
            '[' || coalesce(string_agg(item_json(t), ',' ORDER BY p.place)
                FILTER (WHERE p.place <= p_limit), '') || ']',
            (array_agg(p.key ORDER BY p.place))[p_limit],
            (array_agg(p.id ORDER BY p.place))[p_limit],
            count(*) > p_limit
        INTO total, items, from_key, end_id, has_more
        FROM part p JOIN tasks t ON t.user_id = p_user_id AND t.id = p.id;
    IF has_more THEN
        end_key := {{spelled}};
    ELSE
        end_id := NULL;
    END IF;
END
$$;
