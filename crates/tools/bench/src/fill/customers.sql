insert into customers (uuid, kyc_status, version, created_at, updated_at)
select pg_temp.random_id('user', number), case when pg_temp.is_open(number) then 'KYC_PENDING' else 'VERIFIED' end, 1, pg_temp.at(number),
    pg_temp.at(number)
from generate_series(pg_temp.first(), pg_temp.last()) as number;
insert into profiles (customer_uuid, profile) select uuid, '{"name": "Ann"}' from customers
on conflict do nothing;
insert into customer_versions (customer_uuid, version, kyc_status) select uuid, 1, kyc_status from customers
on conflict do nothing;
insert into kyc_checks (customer_uuid, version, outcome, decided_at, next_try_at)
select uuid, 1, case when kyc_status = 'VERIFIED' then 'APPROVED' end, case when kyc_status = 'VERIFIED' then now() end, now() + interval '1 hour'
from customers
on conflict do nothing;

insert into loans (loan_id, customer_uuid, amount, status, customer_version, received_at, decided_at, credited_at, next_try_at)
select 'loan ' || number, pg_temp.random_id('user', number), 100, status, case when status <> 'held' then 1 end, pg_temp.at(number),
    case when status <> 'held' then pg_temp.at(number) end, case when status = 'credited' then pg_temp.at(number) end, now() + interval '1 hour'
from (
    select number, case when not pg_temp.is_open(number) then 'credited' when number % 2 = 0 then 'held' else 'crediting' end as status
    from generate_series(pg_temp.first(), pg_temp.last()) as number
) as numbered;

select pg_temp.fill_outbox(array['events.v1.CustomerCreated']);
