-- What a balance began with, so that an auditor can hold every balance against the ledger:
-- initial - charges of INVESTOR_MONEY + their refunds = balance. The configured amount may change; a row keeps the one it was made with.
--
-- Null in a row that the previous release makes while it runs beside this one: what it began with is not known. A later release
-- computes it once more, as below, and makes the column "not null".
alter table balances add column initial bigint;

update balances
set initial = balances.balance + coalesce(moved.amount, 0)
from balances as every
left join (
    select user_uuid, sum(case kind when 'charge' then amount else -amount end)::bigint as amount
    from ledger_entries
    where method = 'INVESTOR_MONEY' and kind in ('charge', 'refund')
    group by user_uuid
) as moved on moved.user_uuid = every.user_uuid
where balances.user_uuid = every.user_uuid;
