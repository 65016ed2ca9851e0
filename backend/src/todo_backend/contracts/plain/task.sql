-- How this contract writes a task: alone and in a list alike.
CREATE FUNCTION task_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '{"id":' || task.id
        || ',"user_id":' || text_json(task.user_id)
        || ',"title":' || text_json(task.title)
        || ',"description":' || text_json(task.description)
        || ',"completed":' || boolean_json(task.completed)
        || ',"created_at":' || time_json(task.created_at)
        || ',"updated_at":' || time_json(task.updated_at) || '}'
$$;

CREATE FUNCTION item_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT task_json(task)
$$;
