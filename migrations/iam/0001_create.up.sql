-- All users that can log in.
create table users (
    uuid uuid primary key,
    -- As it was given; unique in any case and Unicode form, see login_key.
    login text not null check (login <> ''),
    -- As it was given; unique in any case and Unicode form, see email_key.
    email text not null check (email <> ''),
    -- A PHC string: algorithm, parameters, salt and hash in one.
    password_hash text not null,
    notification_methods jsonb not null default '[]' check (jsonb_typeof(notification_methods) = 'array'),
    created_at timestamptz not null,
    -- Changes with every change of the row, so it is the row's version too.
    updated_at timestamptz not null,
    -- SHA-256 of the login and of the e-mail address in the form in which they are compared, without regard to case and Unicode form. iam
    -- computes it, since databases differ in locale.
    login_key bytea not null constraint users_login_caseless unique,
    email_key bytea not null constraint users_email_caseless unique,
    -- The Telegram chat in which the user gave the bot a code. A notification method is confirmed while its target is this chat, so a
    -- changed target is not.
    confirmed_chat bigint,
    chat_confirmed_at timestamptz,
    -- The devices from which a user has logged in: an object from the digest of each device to the time of its last login in seconds since
    -- 1970, at most eight.
    known_devices jsonb not null default '{}' check (jsonb_typeof(known_devices) = 'object')
);
comment on table users is 'Rows stay for ever: the books. Sessions are in Redis and expire there.';
