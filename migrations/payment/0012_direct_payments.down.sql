comment on table direct_payments is 'Rows stay for ever: the books.';
