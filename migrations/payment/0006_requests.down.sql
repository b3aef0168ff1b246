alter table payments drop column requests;
