drop table ledger_entries;
drop table balances;
