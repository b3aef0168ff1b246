-- SHA-256 of the login and of the e-mail address in the form in which they are compared, without regard to case and Unicode form. iam
-- computes it, since databases differ in locale. Null in a row that an older replica wrote, until the job caseless-keys fills it.
alter table users
    add column login_key bytea,
    add column email_key bytea,
    -- Another user had the key first: the user keeps the login, and logs in by its exact spelling.
    add column login_collides boolean not null default false,
    add column email_collides boolean not null default false;
create unique index users_login_caseless on users (login_key) where not login_collides;
create unique index users_email_caseless on users (email_key) where not email_collides;
-- Finds all users of a key, those that collide included.
create index users_login_key_all on users (login_key);
-- The rows to fill.
create index users_without_keys on users (uuid) where login_key is null;
