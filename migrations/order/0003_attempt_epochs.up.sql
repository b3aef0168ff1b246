-- Who decides about an attempt to pay: each process that takes the attempt raises the epoch, and a write that decides something
-- is made only under the epoch that its process has. Grows over the order's life. Replicas that know nothing of it go on as before.
alter table orders add column attempt_epoch bigint not null default 0;

-- How often the reconciler has taken the attempt: its pauses grow with it, and fresh attempts come first.
alter table orders add column attempt_tries integer not null default 0;
