-- The functions that the release of revision 0001 shipped for the `envelope` contract, as it installed
-- them, comments apart. Processes of it may serve on later tables: never change this file.

CREATE FUNCTION version_of(at timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM at) * 1000000)::bigint
$$;

CREATE FUNCTION time_json(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT left(to_json(at AT TIME ZONE 'UTC')::text, -1) || 'Z"'
$$;

CREATE FUNCTION text_json(value text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(to_json(value)::text, 'null')
$$;

CREATE FUNCTION boolean_json(value boolean) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN value THEN 'true' ELSE 'false' END
$$;

CREATE FUNCTION item_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '{"id":' || task.id
        || ',"title":' || text_json(task.title)
        || ',"description":' || text_json(task.description)
        || ',"completed":' || boolean_json(task.completed)
        || ',"created_at":' || time_json(task.created_at)
        || ',"updated_at":' || time_json(task.updated_at) || '}'
$$;

CREATE FUNCTION task_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '{"id":' || task.id
        || ',"title":' || text_json(task.title)
        || ',"description":' || text_json(task.description)
        || ',"completed":' || boolean_json(task.completed)
        || ',"user_id":' || text_json(task.user_id)
        || ',"created_at":' || time_json(task.created_at)
        || ',"updated_at":' || time_json(task.updated_at) || '}'
$$;

CREATE FUNCTION list_tasks(
    p_user_id text, p_completed boolean, p_limit integer, p_offset bigint, p_known_versions bigint[],
    OUT items text, OUT total bigint, OUT version bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT CASE
            WHEN p_completed IS NULL THEN c.total
            WHEN p_completed THEN c.completed
            ELSE c.total - c.completed
        END, c.version
        INTO total, version
        FROM task_counters c WHERE c.user_id = p_user_id;
    IF NOT FOUND THEN
        total := 0;
        version := 0;
    END IF;
    IF version = ANY (p_known_versions) THEN
        RETURN;
    END IF;
    IF p_completed IS NULL THEN
        SELECT string_agg(item_json(page::tasks), ',') INTO items FROM (
            SELECT * FROM tasks t WHERE t.user_id = p_user_id
            ORDER BY t.created_at DESC, t.id DESC LIMIT p_limit OFFSET p_offset
        ) page;
    ELSE
        SELECT string_agg(item_json(page::tasks), ',') INTO items FROM (
            SELECT * FROM tasks t WHERE t.user_id = p_user_id AND t.completed = p_completed
            ORDER BY t.created_at DESC, t.id DESC LIMIT p_limit OFFSET p_offset
        ) page;
    END IF;
    items := '[' || coalesce(items, '') || ']';
END
$$;

CREATE FUNCTION get_task(
    p_user_id text, p_id bigint,
    OUT body text, OUT id bigint, OUT version bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT task_json(t), t.id, version_of(t.updated_at) INTO body, id, version
        FROM tasks t WHERE t.user_id = p_user_id AND t.id = p_id;
END
$$;

CREATE FUNCTION create_task(
    p_user_id text, p_email text, p_name text, p_title text, p_description text,
    OUT body text, OUT id bigint, OUT version bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
DECLARE
    created_now timestamptz;
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    IF NOT count_change(p_user_id, 1, 0) THEN
        INSERT INTO users (id, email, name) VALUES (p_user_id, p_email, p_name)
            ON CONFLICT DO NOTHING;
        INSERT INTO task_counters (user_id, total, completed, version)
            VALUES (p_user_id, 0, 0, version_of(clock_timestamp())) ON CONFLICT DO NOTHING;
        PERFORM count_change(p_user_id, 1, 0);
    END IF;
    created_now := clock_timestamp();
    INSERT INTO tasks AS t (user_id, title, description, created_at, updated_at)
        VALUES (p_user_id, p_title, p_description, created_now, created_now)
        RETURNING task_json(t), t.id, version_of(t.updated_at) INTO body, id, version;
END
$$;

CREATE FUNCTION update_task(
    p_user_id text, p_id bigint, p_if_versions bigint[],
    p_title text, p_with_description boolean, p_description text, p_completed boolean, p_toggle boolean,
    OUT outcome text, OUT body text, OUT id bigint, OUT version bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
DECLARE
    before tasks;
    after tasks;
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT * INTO before FROM tasks t WHERE t.user_id = p_user_id AND t.id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'missing';
        RETURN;
    END IF;
    IF version_of(before.updated_at) <> ALL (p_if_versions) THEN
        outcome := 'conflict';
        RETURN;
    END IF;
    outcome := 'changed';
    after := before;
    after.title := coalesce(p_title, before.title);
    after.completed := CASE WHEN p_toggle THEN NOT before.completed ELSE coalesce(p_completed, before.completed) END;
    IF p_with_description THEN
        after.description := p_description;
    END IF;
    IF after IS DISTINCT FROM before THEN
        after.updated_at := greatest(clock_timestamp(), before.updated_at + interval '1 microsecond');
        UPDATE tasks t SET title = after.title, description = after.description,
                completed = after.completed, updated_at = after.updated_at
            WHERE t.user_id = p_user_id AND t.id = p_id;
        PERFORM count_change(p_user_id, 0, after.completed::integer - before.completed::integer);
    END IF;
    body := task_json(after);
    id := after.id;
    version := version_of(after.updated_at);
END
$$;

CREATE FUNCTION delete_task(p_user_id text, p_id bigint, p_if_versions bigint[], OUT outcome text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan SET lock_timeout = '3s' AS $$
DECLARE
    gone boolean;
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    DELETE FROM tasks t WHERE t.user_id = p_user_id AND t.id = p_id
        AND (p_if_versions IS NULL OR version_of(t.updated_at) = ANY (p_if_versions))
        RETURNING t.completed INTO gone;
    IF FOUND THEN
        outcome := 'deleted';
        PERFORM count_change(p_user_id, -1, -gone::integer);
        RETURN;
    END IF;
    PERFORM FROM tasks t WHERE t.user_id = p_user_id AND t.id = p_id;
    outcome := CASE WHEN FOUND THEN 'conflict' ELSE 'missing' END;
END
$$;

CREATE FUNCTION count_change(p_user_id text, p_total integer, p_completed integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE task_counters c SET total = c.total + p_total, completed = c.completed + p_completed,
            version = greatest(c.version + 1, version_of(clock_timestamp()))
        WHERE c.user_id = p_user_id;
    RETURN FOUND;
END
$$;
