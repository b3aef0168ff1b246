#!/usr/bin/env bash
# Sets the broker's rights (ACLs) to those of the table `rights`, and to those of the operator, Kafka UI and the user
# `outside`: adds missing rights, removes additional rights of these users, and does not change other users. A second
# run changes nothing.
#
#   acls.sh BROKER           as the user `broker` with BROKER_KAFKA_PASSWORD, or over a plain listener where that is not set;
#                            over TLS where BROKER_CA_FILE has the authorities to trust
set -euo pipefail
broker=$1
prefix=${KAFKA_GROUP_PREFIX:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KAFKA_HEAP_OPTS='-Xmx96m -XX:TieredStopAtLevel=1'

: >"$work/client.properties"
if [ -n "${BROKER_KAFKA_PASSWORD:-}" ]; then
  login='org.apache.kafka.common.security.plain.PlainLoginModule required'
  printf '%s\n' security.protocol=SASL_PLAINTEXT sasl.mechanism=PLAIN \
    "sasl.jaas.config=$login username=\"broker\" password=\"$BROKER_KAFKA_PASSWORD\";" >"$work/client.properties"
  [ -z "${BROKER_CA_FILE:-}" ] || printf '%s\n' security.protocol=SASL_SSL ssl.truststore.type=PEM \
    "ssl.truststore.location=$BROKER_CA_FILE" >>"$work/client.properties"
fi
acls() { /opt/kafka/bin/kafka-acls.sh --bootstrap-server "$broker" --command-config "$work/client.properties" "$@"; }

# arguments allow|deny USERS OPERATIONS RESOURCE...: prints the arguments of one call of kafka-acls.sh, one per line.
arguments() {
  local kind=$1 user operation resource
  for user in $2; do printf '%s\n' "--$kind-principal" "User:$user"; done
  for operation in $3; do printf '%s\n' --operation "$operation"; done
  shift 3
  for resource in "$@"; do printf '%s\n' "--${resource%%=*}" "${resource#*=}"; done | sed '/^--cluster$/{n;d}'
}

# listed KIND USERS OPERATIONS RESOURCE...: prints the same rights one per line, in the format of `current`.
listed() {
  local kind=$1 users=$2 operations=$3 resource user operation
  shift 3
  for resource in "$@"; do
    for user in $users; do
      for operation in $operations; do echo "${resource%%=*} ${resource#*=} $user $operation $kind"; done
    done
  done | sort -u
}

# Prints the rights that the broker has, one per line: TYPE NAME USER OPERATION KIND.
current() {
  acls --list | sed -n \
    -e 's/.*resourceType=\([A-Z_]*\), name=\(.*\), patternType=LITERAL.*/\1 \2/p' \
    -e 's/.*principal=User:\([^,]*\), host=\*, operation=\([A-Z_]*\), permissionType=\([A-Z]*\).*/= \1 \2 \3/p' |
    awk '$1 != "=" { type = tolower($1); name = $2; next }
      { split(tolower($3), words, "_"); operation = ""
        for (i = 1; i in words; i++) operation = operation toupper(substr(words[i], 1, 1)) substr(words[i], 2)
        print type, name, $2, operation, tolower($4) }' | sort -u
}

# right KIND USERS OPERATIONS RESOURCE...: records one wanted call of kafka-acls.sh and its rights.
calls=0
right() {
  calls=$((calls + 1))
  arguments "$@" >"$work/call.$calls"
  listed "$@" >"$work/wanted.$calls"
}

declare -A writes reads
topics='' letters='' groups='' users=''
while read -r verb user variable default group; do
  case $verb in write | read) topic=${!variable:-$default} ;; *) continue ;; esac
  [ "$verb" = read ] || writes[$user]+=" topic=$topic"
  if [ "$verb" = read ]; then
    reads[$user]+=" topic=$topic group=$prefix$group"
    # The reader of a topic writes a message that it cannot handle to the dead-letter topic.
    writes[$user]+=" topic=$topic.dlq"
    groups+=" group=$prefix$group"
  fi
  topics+=" topic=$topic"
  letters+=" topic=$topic.dlq"
  case " $users outside " in *" $user "*) ;; *) users+=" $user" ;; esac
done <"$(dirname "$0")/rights"

tools="group=${prefix}shipyard-dlq group=${prefix}shipyard-audit"
# Word splitting is intended: names of topics and groups have no spaces.
# shellcheck disable=SC2086,SC2116
{
  # The first service that needs a topic creates it. Services also check whether the records of dead-letter topics
  # expire.
  right allow "$users" 'Create DescribeConfigs' $topics $letters
  for user in $users; do
    [ -z "${writes[$user]:-}" ] || right allow "$user" Write ${writes[$user]}
    [ -z "${reads[$user]:-}" ] || right allow "$user" Read ${reads[$user]}
  done
  # Programs outside may read every topic in their own groups, and write the topics that the shop consumes from them.
  right deny outside Read $groups $tools
  right allow outside Read 'group=*'
  right allow outside Write ${writes[outside]} topic=loan.approved
  right allow 'outside ui' 'Read DescribeConfigs' 'topic=*'
  # Kafka UI only reads.
  right allow ui 'Describe DescribeConfigs' 'group=*' cluster=kafka-cluster
  # `shipyard audit` and `dlq` read all topics, replay and prune dead letters, and write the journal.
  right allow operator All 'topic=*' $tools
  # The audit reads the committed offsets of the groups, and compares the consumed records with the stored rows.
  right allow operator Describe $groups
}

sort -u "$work"/wanted.* >"$work/wanted"
current >"$work/found"
running=0
for call in $(seq "$calls"); do
  # Not `comm … | grep -q .`: grep ends at the first line, comm is killed by SIGPIPE, and with pipefail the call would be skipped.
  [ -n "$(comm -23 "$work/wanted.$call" "$work/found")" ] || continue
  mapfile -t arguments <"$work/call.$call"
  acls --add --force "${arguments[@]}" >"$work/said.$call" 2>&1 || touch "$work/failed.$call" &
  running=$((running + 1))
  [ $((running % 2)) != 0 ] || wait
done
wait
for failed in "$work"/failed.*; do
  [ -e "$failed" ] || continue
  cat "$work/said.${failed##*.}" >&2
  exit 1
done

removed=0
while read -r type name user operation kind; do
  case " $users outside ui operator " in *" $user "*) ;; *) continue ;; esac
  mapfile -t arguments < <(arguments "$kind" "$user" "$operation" "$type=$name")
  acls --remove --force "${arguments[@]}" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
  removed=$((removed + 1))
done < <(comm -13 "$work/wanted" "$work/found")
echo "rights of Kafka's users: $(wc -l <"$work/wanted") in all, added with $running calls, $removed removed"
