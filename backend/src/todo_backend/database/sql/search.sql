-- Pages in every order, by offset or from a position on, and what filters and words let through.
--
-- The functions below this file's are made from page.sql, page_dated.sql and filtered.sql: one for
-- each order (see paging.py). A position is the pair of values that the order compares, so it holds
-- whatever is inserted or deleted around it.

-- How many tasks a user has, of one status or of any (null), and the version of their list.
CREATE FUNCTION list_state(p_user_id text, p_completed boolean)
RETURNS TABLE (total bigint, version bigint)
LANGUAGE sql STABLE AS $$
    SELECT CASE
            WHEN p_completed IS NULL THEN c.total
            WHEN p_completed THEN c.completed
            ELSE c.total - c.completed
        END, c.version
        FROM task_counters c WHERE c.user_id = p_user_id
$$;
