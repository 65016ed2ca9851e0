-- What todo_lookup owns: it sees every task, so its functions say less than they see. Only the task
-- functions may call them, and whatever they say leads to no row that the policies hide.

-- Whether a task exists, whosever it is; nothing else about it.
CREATE FUNCTION task_exists(p_id bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = {{search_path}} AS $$
    SELECT EXISTS (SELECT FROM tasks t WHERE t.id = p_id)
$$;
