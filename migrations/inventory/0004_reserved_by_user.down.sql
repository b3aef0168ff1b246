drop function held_by_users(uuid[], uuid[]);
drop index reservations_held_by_user;
alter table reservations drop column user_uuid;
