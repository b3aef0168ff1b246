-- A user's statement, newest first.
create index payments_user on payments (user_uuid, created_at, transaction_uuid) where user_uuid is not null;
