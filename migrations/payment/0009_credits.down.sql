alter table balances drop column credited;
drop table credits;
