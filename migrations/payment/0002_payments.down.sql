drop table direct_payments;
drop table payments;
