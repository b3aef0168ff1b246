-- When the account ended. The row stays, since others name its uuid, and has nothing personal any more: login and e-mail address are the
-- uuid, their keys the bytes of the uuid, which are no SHA-256, so that both are free for others and no look-up by them finds the row. Older
-- versions do not know the column; to them the row is a user whom no login reaches.
alter table users add column erased_at timestamptz;
comment on table users is 'Rows stay for ever: the books. Once erased_at is set, a row has nothing personal. Sessions are in Redis and expire there.';
