-- The request that holds the key: a request whose lease another one has taken over is fenced off, and changes nothing any more.
-- A build that does not know the column takes keys over without it: until the last such replica is gone, its requests are not fenced.
alter table idempotency_keys add column token uuid;
