-- Whose order it is: how much of a part one user holds without payment is bounded. Rows of before, and of a replica of the release before,
-- have none and count towards no user's share.
alter table reservations add column user_uuid uuid;
create index reservations_held_by_user on reservations (user_uuid) where status = 'held' and user_uuid is not null;

-- How much of these parts each of these users holds now. A statement calls it after it has locked the parts: a volatile function reads what
-- other transactions committed while the statement waited for its locks, which the statement's own snapshot does not show.
create function held_by_users(users uuid[], parts uuid[])
    returns table (user_uuid uuid, part_uuid uuid, quantity bigint)
    language plpgsql volatile rows 16 as $$
begin
    if cardinality(users) > 0 then
        return query
            select held.user_uuid, line.part_uuid, sum(line.quantity)::bigint
            from reservations as held
            cross join lateral unnest(held.part_uuids, held.quantities) as line (part_uuid, quantity)
            where held.status = 'held' and held.user_uuid = any(users) and line.part_uuid = any(parts)
            group by held.user_uuid, line.part_uuid;
    end if;
end
$$;
