CREATE FUNCTION task_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '{"no":' || task.id
        || ',"text":' || text_json(task.title)
        || ',"done":' || boolean_json(task.completed) || '}'
$$;

CREATE FUNCTION item_json(task tasks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT task_json(task)
$$;
