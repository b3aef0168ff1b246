alter table timeline drop column encoded, alter column payload drop default;
