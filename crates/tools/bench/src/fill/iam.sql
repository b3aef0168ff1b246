insert into users (uuid, login, email, password_hash, notification_methods, created_at, updated_at, login_key, email_key)
select pg_temp.id('user', number), 'user ' || number, 'user' || number || '@example.com', repeat('x', 97),
    jsonb_build_array(jsonb_build_object('provider_name', 'telegram', 'target', number::text)), pg_temp.at(number), pg_temp.at(number),
    decode(repeat(md5('login' || number), 2), 'hex'), decode(repeat(md5('email' || number), 2), 'hex')
from generate_series(pg_temp.first(), pg_temp.last()) as number
order by number;

select pg_temp.fill_outbox(array['events.v1.UserErased']);
