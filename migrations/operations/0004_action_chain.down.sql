drop table action_checkpoints;
drop table action_chain;
alter table actions drop column hash, drop column previous;
