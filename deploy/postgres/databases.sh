#!/bin/sh
# A role and a database for each service: none can read another's.
set -eu
create() {
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres --set=name="$1" --set=password="$2" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke connect, temporary on database :"name" from public;
SQL
}
# The entrypoint's own default.
: "${POSTGRES_USER:=postgres}"
create iam "$IAM_DATABASE_PASSWORD"
create inventory "$INVENTORY_DATABASE_PASSWORD"
create order "$ORDER_DATABASE_PASSWORD"
create payment "$PAYMENT_DATABASE_PASSWORD"
create assembly "$ASSEMBLY_DATABASE_PASSWORD"
create notification "$NOTIFICATION_DATABASE_PASSWORD"
create delivery "$DELIVERY_DATABASE_PASSWORD"
create customers "$CUSTOMERS_DATABASE_PASSWORD"
create intake "$INTAKE_DATABASE_PASSWORD"
