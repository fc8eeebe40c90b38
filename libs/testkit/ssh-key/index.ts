import ssh2 from 'ssh2';

/** An Ed25519 key pair in OpenSSH format. ssh2 makes one in some hundreds that it cannot read itself; those are thrown away. */
export const ed25519Key = (): { readonly private: string; readonly public: string } => {
  for (;;) {
    const key = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(key.private) instanceof Error)) return key;
  }
};
