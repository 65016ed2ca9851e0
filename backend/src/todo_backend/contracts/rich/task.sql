-- How this contract writes a task, alone and in a list: all of its fields.
CREATE FUNCTION priority_json(priority smallint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE priority WHEN 1 THEN '"low"' WHEN 2 THEN '"medium"' ELSE '"high"' END
$$;

CREATE FUNCTION task_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '{"id":' || task.id
        || ',"user_id":' || text_json(task.user_id)
        || ',"title":' || text_json(task.title)
        || ',"description":' || text_json(task.description)
        || ',"completed":' || boolean_json(task.completed)
        || ',"priority":' || priority_json(task.priority)
        || ',"due_date":' || coalesce(time_json(task.due_date), 'null')
        || ',"created_at":' || time_json(task.created_at)
        || ',"updated_at":' || time_json(task.updated_at) || '}'
$$;

CREATE FUNCTION item_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT task_json(task)
$$;
