-- A user's orders that wait for a courier or are carried, longest wait first. Without it, their list reads those of all users.
create index orders_active_of_user on orders (user_uuid, waiting_since, uuid)
    where state in ('CREATED', 'ASSIGNED') and user_uuid is not null;
