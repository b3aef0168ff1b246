drop table credits;
drop table ledger_entries;
drop table balances;
drop table payments;
