import { generate } from 'selfsigned';

/** A new self-signed certificate of 127.0.0.1 and localhost, and its key, in PEM: it is its own authority. */
export const newCertificate = async (): Promise<{ readonly key: string; readonly certificate: string }> => {
  const { private: key, cert: certificate } = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key, certificate };
};
