# Cleans up once the process that owns a test run has exited: removes the run's containers, stops its child processes,
# and deletes its directory. $1 is the directory, whose name is the owner's pid and start time. $2 is the host's name in
# the containers' label.
directory=$1 run=${1##*/} host=$2
pid=${run%-*} start=${run#*-}

started() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
while [ "$(started "$pid")" = "$start" ] && kill -0 "$pid" 2>/dev/null; do sleep 1; done

for engine in docker podman; do
  containers=$($engine ps -aq --filter "label=shipyard.testkit=$host-$run" 2>/dev/null) || continue
  [ -z "$containers" ] || $engine rm -fv $containers
done

data=$(readlink -f "$directory/postgres.data") || data=$directory
for file in "$directory"/*.pid; do
  child=$(cat "$file" 2>/dev/null) || continue
  # The pid may belong to another process by now.
  case "$(readlink "/proc/$child/cwd") $(ps -o args= -p "$child") $(tr '\0' ' ' <"/proc/$child/cmdline")" in
    *"$directory"* | *"$data"*) kill -QUIT "$child" && sleep 1 ;;
  esac
done
case $data in */shipyard-*) rm -rf "$data" ;; esac
rm -rf "$directory"
