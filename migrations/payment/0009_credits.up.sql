-- Money that was added to balances, once per reference: initial + credits - charges of INVESTOR_MONEY + their refunds = balance.
create table credits (
    reference text primary key check (char_length(reference) between 1 and 64),
    user_uuid uuid not null,
    -- Minor units.
    amount bigint not null check (amount > 0),
    created_at timestamptz not null default now()
);
create index credits_user on credits (user_uuid);

-- The sum of a user's credits, which bounds the next one under the row's lock.
alter table balances add column credited bigint not null default 0 check (credited >= 0);

comment on table credits is 'Rows stay for ever: the books.';
