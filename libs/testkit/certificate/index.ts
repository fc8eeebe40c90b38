import { generate } from 'selfsigned';

/** A new self-signed certificate of these hosts, and its key, in PEM: it is its own authority. */
export const newCertificate = async (
  hosts: readonly ('localhost' | '127.0.0.1')[] = ['localhost', '127.0.0.1'],
): Promise<{ readonly key: string; readonly certificate: string }> => {
  const { private: key, cert: certificate } = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: hosts.map((host) => (host === 'localhost' ? { type: 2, value: host } : { type: 7, ip: host })),
      },
    ],
  });
  return { key, certificate };
};
