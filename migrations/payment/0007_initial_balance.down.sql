alter table balances drop column initial;
