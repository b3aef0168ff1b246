comment on table users is 'Rows stay for ever: the books. Sessions are in Redis and expire there.';
alter table users drop column erased_at;
