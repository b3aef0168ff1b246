-- The requests to charge that may have been executed, counted before each is sent. The statement that takes back the last one, which the
-- provider refused to execute, ends the attempt. Rows of before have an unanswered one, which nothing takes back.
alter table payments add column requests integer not null default 1;
-- The rows that exist have 1, so that they need no look.
alter table payments add constraint payments_requests check (requests >= 0) not valid;
