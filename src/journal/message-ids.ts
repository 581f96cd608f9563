// Message ids of systemd's own messages about units (`journalctl --list-catalog`).
export const STOPPING = 'de5b426a63be47a7b6ac3eaac82e2f6f'
export const STOPPED = '9d1aaa27d60140bd96365438aad20286'
export const SUCCEEDED = '7ad2d189f7e94e70a38c781354912448'
export const FAILED = 'd9b373ed55a64feb8242e02dbe79a49c'
export const SKIPPED = '0e4284a0caca4bfc81c0bb6786972673'
export const RESTART_SCHEDULED = '5eb03494b6584870a536b337290809b3'
export const PROCESS_EXIT = '98e322203f7a4ed290d09fe03c09fe15'
export const CONSUMED = 'ae8f7b866b0347b9af31fe1c80b127c0'
/** systemd-coredump's message about a core dump. */
export const COREDUMP = 'fc2e22bc6ee647b6b90729ab34a250b1'
