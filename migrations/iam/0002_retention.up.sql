-- What removes the rows of each table.
comment on table users is 'Rows stay for ever: the books. Sessions are in Redis and expire there.';
