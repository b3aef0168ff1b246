-- Finds a user by the key of the e-mail address, those that collide included: without it, each registration reads all users to learn
-- whether the address is taken.
create index users_email_key_all on users (email_key);
-- The older users that keep a login or an e-mail address which another one had first.
create index users_login_collides on users (login_key) where login_collides;
create index users_email_collides on users (email_key) where email_collides;
