-- For the end of a user's account.
create index notifications_of_user on notifications (user_uuid);
