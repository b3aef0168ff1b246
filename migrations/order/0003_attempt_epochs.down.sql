alter table orders drop column attempt_tries;
alter table orders drop column attempt_epoch;
