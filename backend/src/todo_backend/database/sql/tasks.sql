-- The one way to the tasks: a call is a round trip and a transaction.
--
-- Installed once for each contract into a schema of its own, beside that contract's `task_json`,
-- `item_json` (see functions.py). Every function names its user for the length of the transaction
-- before it touches a row, and filters by the user as well: the policies on the tables and the
-- filters here are two walls, and each holds without the other (tests/database/test_isolation.py).
--
-- The functions belong to todo_app and run as it, so that the policies bind them even where the
-- login role is a superuser. They read STABLE where they can: one snapshot for all statements, so
-- a list, its total and its version agree.
--
-- `force_generic_plan`: the plans don't depend on the values, and planning costs more than reading.

-- The planner takes these small ones apart and puts them into the statements that call them, which
-- it does only as long as they claim no more than what they call does: hence STABLE.

-- The moment of a change in microseconds: the version of a task, and its validator.
CREATE FUNCTION version_of(at timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM at) * 1000000)::bigint
$$;

-- ISO 8601 in UTC. to_json() knows the form; a timestamp without a zone ends in a bare quote.
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

-- Why the user has no such task: 'missing' or, where the contract tells them apart, 'strangers'.
CREATE FUNCTION absence_of(p_id bigint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT {{absence}}
$$;

{{shape}}

-- How many tasks a user has, of one status or of any (null), and the version of their list; zeros
-- for a user without any.
CREATE FUNCTION list_state(p_user_id text, p_completed boolean, OUT total bigint, OUT version bigint)
RETURNS SETOF record
LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(CASE
            WHEN p_completed IS NULL THEN c.total
            WHEN p_completed THEN c.completed
            ELSE c.total - c.completed
        END), 0), coalesce(max(c.version), 0)
        FROM task_counters c WHERE c.user_id = p_user_id
$$;

-- Newest first. `p_completed` is null for all tasks. `items` is null when `p_known_versions` holds the
-- version of the list: the caller has it already.
CREATE FUNCTION list_tasks(
    p_user_id text, p_completed boolean, p_limit integer, p_offset bigint, p_known_versions bigint[],
    OUT items text, OUT total bigint, OUT version bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT s.total, s.version INTO total, version FROM list_state(p_user_id, p_completed) s;
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
    OUT outcome text, OUT body text, OUT id bigint, OUT version bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = {{search_path}} SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM set_config('app.user_id', p_user_id, true);
    SELECT task_json(t), t.id, version_of(t.updated_at) INTO body, id, version
        FROM tasks t WHERE t.user_id = p_user_id AND t.id = p_id;
    outcome := CASE WHEN FOUND THEN 'found' ELSE absence_of(p_id) END;
END
$$;

-- Creates the user too, if this is the first that the database hears of it.
CREATE FUNCTION create_task(
    p_user_id text, p_email text, p_name text,
    p_title text, p_description text, p_priority smallint, p_due_date timestamptz,
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
    -- One clock reading for both columns: a new task was never updated.
    created_now := clock_timestamp();
    INSERT INTO tasks AS t (user_id, title, description, priority, due_date, created_at, updated_at)
        VALUES (p_user_id, p_title, p_description, p_priority, p_due_date, created_now, created_now)
        RETURNING task_json(t), t.id, version_of(t.updated_at) INTO body, id, version;
END
$$;

-- A null title, completed or priority, and an unset `p_with_…`, keep what is there; `p_toggle`
-- turns `completed` round whatever it is. A change to the same values is none: nothing is written.
-- `outcome`: 'changed', an absence, or 'conflict' when the version is none of `p_if_versions`.
CREATE FUNCTION update_task(
    p_user_id text, p_id bigint, p_if_versions bigint[],
    p_title text, p_with_description boolean, p_description text, p_completed boolean, p_toggle boolean,
    p_priority smallint, p_with_due_date boolean, p_due_date timestamptz,
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
        outcome := absence_of(p_id);
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
    after.priority := coalesce(p_priority, before.priority);
    IF p_with_due_date THEN
        after.due_date := p_due_date;
    END IF;
    IF after IS DISTINCT FROM before THEN
        -- A clock set back must not take the version back.
        after.updated_at := greatest(clock_timestamp(), before.updated_at + interval '1 microsecond');
        UPDATE tasks t SET title = after.title, description = after.description,
                completed = after.completed, priority = after.priority, due_date = after.due_date,
                updated_at = after.updated_at
            WHERE t.user_id = p_user_id AND t.id = p_id;
        PERFORM count_change(p_user_id, 0, after.completed::integer - before.completed::integer);
    END IF;
    body := task_json(after);
    id := after.id;
    version := version_of(after.updated_at);
END
$$;

-- `outcome` as in update_task: 'deleted', an absence or 'conflict'.
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
    outcome := CASE WHEN FOUND THEN 'conflict' ELSE absence_of(p_id) END;
END
$$;

-- Adds to a user's counters and moves the version of the list on; false when there are none yet.
-- Always the last row that a change locks after its task, so that two changes can't wait for each
-- other in a circle.
CREATE FUNCTION count_change(p_user_id text, p_total integer, p_completed integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE task_counters c SET total = c.total + p_total, completed = c.completed + p_completed,
            version = greatest(c.version + 1, version_of(clock_timestamp()))
        WHERE c.user_id = p_user_id;
    RETURN FOUND;
END
$$;
