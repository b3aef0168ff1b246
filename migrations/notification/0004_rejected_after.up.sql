-- Of a failed row: its attempts, if the last one did not reach the chat for certain. Null or another number if that is unknown. A version
-- that does not write it raises the attempts, so the number never stands for an attempt of such a version.
alter table notifications add column rejected_after integer;
