complete -c linera-dump -n '__fish_is_nth_token 1' -f -a 'log sst manifest store'
complete -c linera-dump -n '__fish_seen_subcommand_from log' -s s -l show -x -a 'records operations segments' -d 'what to show'
complete -c linera-dump -n '__fish_seen_subcommand_from sst' -s s -l show -x -a 'entries blocks clears properties' -d 'what to show'
complete -c linera-dump -n '__fish_seen_subcommand_from manifest' -s s -l show -x -a 'tables edits state' -d 'what to show'
complete -c linera-dump -n '__fish_seen_subcommand_from store' -s s -l show -x -a 'files' -d 'what to show'
complete -c linera-dump -l verify -d 'check everything'
complete -c linera-dump -s k -l keys -x -d 'only keys from A to below B'
complete -c linera-dump -l since -x -d 'only versions from then on'
complete -c linera-dump -l until -x -d 'only versions before'
complete -c linera-dump -l values -d 'print values too'
complete -c linera-dump -s F -l format -x -a 'table csv tsv json ndjson markdown vertical unaligned html' -d 'how to print'
complete -c linera-dump -l no-header -d 'leave column names out'
complete -c linera-dump -s h -l help -d help
complete -c linera-dump -l version -d version
