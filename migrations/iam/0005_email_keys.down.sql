drop index users_email_collides;
drop index users_login_collides;
drop index users_email_key_all;
