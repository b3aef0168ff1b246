-- Everybody who can log in.
create table users (
    uuid uuid primary key,
    -- Exact: `Ann` and `ann` are two logins.
    login text not null constraint users_login_key unique check (login <> ''),
    -- As it was given; unique however it is written, see below.
    email text not null check (email <> ''),
    -- A PHC string: algorithm, parameters, salt and hash in one.
    password_hash text not null,
    notification_methods jsonb not null default '[]' check (jsonb_typeof(notification_methods) = 'array'),
    created_at timestamptz not null,
    -- Changes with every change of the row, so it is the row's version too.
    updated_at timestamptz not null
);
-- Mail goes to the same box however its address is written.
create unique index users_email_key on users (lower(email));
