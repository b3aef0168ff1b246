alter table loans drop column reason;
