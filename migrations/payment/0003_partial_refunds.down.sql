alter table payments drop column partially_refunded;
drop table partial_refunds;
